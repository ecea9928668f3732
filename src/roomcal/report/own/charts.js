// The graphs of the report: zoom, cursor, overlays and toggles over uPlot. Loads nothing, keeps
// nothing but the choice of colours, and writes text as text.
(() => {
  "use strict";

  const root = document.documentElement;
  const source = document.getElementById("chart-data");
  const charts = source ? JSON.parse(source.textContent).charts : [];
  const MISSING = -32768; // of an int16: a number that cannot be had
  const FINEST = 48; // windows an octave of a curve that can be smoothed
  const SMOOTHINGS = [24, 12, 6, 3, 1];
  const LEAST_DRAG_PX = 12;
  const NARROW_PX = 520;
  const FINE = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
  const live = [];

  const element = (tag, attributes = {}, ...children) => {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
    made.append(...children);
    return made;
  };
  const colour = (name) => getComputedStyle(root).getPropertyValue(`--${name}`).trim();
  const announce = element("p", { class: "unseen", role: "status" });
  document.body.append(announce);

  // --- colours ---

  const themes = ["auto", "light", "dark"];
  const themeButton = element("button", { type: "button", class: "theme" });
  const remembered = () => {
    try {
      return localStorage.getItem("roomcal-colours");
    } catch {
      return null; // a page from a file may not keep anything
    }
  };
  const setTheme = (name) => {
    if (name === "auto") delete root.dataset.theme;
    else root.dataset.theme = name;
    themeButton.textContent = `Colours: ${name}`;
    for (const one of live) one.redraw();
    try {
      localStorage.setItem("roomcal-colours", name);
    } catch {
      // See above.
    }
  };
  themeButton.addEventListener("click", () => {
    setTheme(themes[(themes.indexOf(root.dataset.theme || "auto") + 1) % themes.length]);
  });
  document.querySelector("header").prepend(themeButton);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    for (const one of live) one.redraw();
  });

  // --- numbers ---

  const decoded = (text, quantum) => {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Array.from({ length: bytes.length / 2 }, (_, i) => {
      const value = view.getInt16(2 * i, true);
      return value === MISSING ? null : value * quantum;
    });
  };

  // Mean power over a window of 1/width octave. Curves come in windows of 1/48 octave, 96 an octave:
  // every other one of them, from half a window below to half a window above, tiles the wider one.
  const smoothed = (x, level, width) => {
    const n = FINEST / width;
    return level.map((value, i) => {
      let [power, weight] = [0, 0];
      for (let k = i - n + 1; k < i + n; k += 2) {
        if (k < 0 || k >= level.length || level[k] === null) continue;
        power += x[k] * 10 ** (level[k] / 10);
        weight += x[k];
      }
      return value === null || !(power > 0) ? null : 10 * Math.log10(power / weight);
    });
  };

  // Energetic mean of rows, and their range.
  const summary = (rows) => {
    if (rows.length === 1) return { mean: rows[0], low: null, high: null };
    const over = (f) => rows[0].map((_, i) => {
      const values = rows.map((row) => row[i]).filter((v) => v !== null);
      return values.length ? f(values) : null;
    });
    return {
      mean: over((v) => 10 * Math.log10(v.reduce((s, l) => s + 10 ** (l / 10), 0) / v.length)),
      low: over((v) => Math.min(...v)),
      high: over((v) => Math.max(...v)),
    };
  };

  const minus = (text) => text.replace("-", "\u2212");
  const frequency = (f) => (f < 999.5 ? `${+f.toPrecision(3)} Hz` : `${+(f / 1000).toPrecision(3)} kHz`);

  // --- ticks ---

  const even = (low, high, most) => {
    const rough = (high - low) / most;
    const decade = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((m) => m * decade).find((s) => s >= rough);
    const ticks = [];
    for (let k = Math.ceil(low / step - 1e-9); k * step <= high + 1e-9 * step; k++) ticks.push(+(k * step).toPrecision(12));
    return ticks;
  };
  const decades = (low, high, width) => {
    const span = Math.log10(high / low);
    if (span < 0.35) return even(low, high, width < NARROW_PX ? 4 : 8);
    const digits = span < 1.3 && width >= NARROW_PX ? FINE : span < 1.3 ? ["1", "2", "3", "5", "7"] : width < NARROW_PX ? ["1", "2"] : ["1", "2", "5"];
    const ticks = [];
    for (let d = 0; d <= 5; d++) for (const m of digits) ticks.push(m * 10 ** d);
    const inside = ticks.filter((f) => f >= low * 0.999 && f <= high * 1.001);
    return width < NARROW_PX && span >= 1.3 ? inside.filter((f) => !/^2/.test(String(f)) || f < 50 || f > 9000) : inside;
  };
  const tickText = (f) => (f < 1000 ? `${+f.toPrecision(4)}` : `${+(f / 1000).toPrecision(4)}k`);

  // --- one chart ---

  const build = (chart) => {
    const figure = document.getElementById(`chart-${chart.id}`);
    const place = figure.querySelector(".live");
    const isLog = chart.x.kind === "frequency";
    const x = chart.x.values;
    const full = { x: chart.x.range, y: chart.y.range };
    const state = { x: full.x, y: full.y, width: 6, range: true, rows: false, on: {} };
    for (const key of chart.keys) state.on[key.key] = key.on;
    const looks = Object.fromEntries(chart.keys.map((key) => [key.key, key]));
    const panels = chart.panels.map((panel) => ({
      name: panel.name,
      reason: panel.reason,
      lines: panel.lines.map((line) => ({ ...line, raw: line.rows.map((row) => decoded(row, line.quantum)) })),
    }));
    const several = panels.some((panel) => panel.lines.some((line) => line.raw.length > 1));
    const ranges = panels.some((panel) =>
      panel.lines.some((line) => line.band && (line.raw.length > 1 || (line.low && line.low !== line.high))),
    );

    const table = (panel) => {
      const data = [x];
      const series = [{}];
      const bands = [];
      for (const line of panel.lines) {
        const look = looks[line.key];
        const rows = chart.smoothing ? line.raw.map((row) => smoothed(x, row, state.width)) : line.raw;
        const { mean, low, high } = line.low ? { mean: rows[0], low: decoded(line.low, line.quantum), high: decoded(line.high, line.quantum) } : summary(rows);
        const base = { spanGaps: false, points: { show: false }, look };
        if (low && line.band) {
          bands.push({ series: [data.length + 1, data.length], fill: () => `${colour(look.colour)}2e` });
          for (const edge of [low, high]) {
            data.push(edge);
            series.push({ ...base, kind: "range", width: 0, stroke: "transparent" });
          }
        }
        if (rows.length > 1) {
          for (const row of rows) {
            data.push(row);
            series.push({ ...base, kind: "row", width: 0.8, stroke: () => `${colour(look.colour)}80` });
          }
        }
        data.push(mean);
        series.push({
          ...base,
          kind: line.quiet ? "marks" : "mean",
          label: look.label,
          width: line.quiet ? 0 : look.width,
          dash: look.dash,
          stroke: () => colour(look.colour),
          points: line.marks
            ? { show: true, size: line.quiet ? 8 : 5, width: 0, fill: () => colour(look.colour), stroke: () => colour(look.colour) }
            : { show: false },
        });
      }
      for (const one of series.slice(1)) one.show = shown(one);
      return { data, series, bands };
    };
    const shown = (one) => {
      if (!state.on[one.look.key]) return false;
      return ["mean", "marks"].includes(one.kind) || (one.kind === "range" ? state.range : state.rows);
    };

    const grid = element("div", { class: panels.length > 2 ? "panels many" : "panels" });
    const font = '12px system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif';
    const axis = (more) => ({
      stroke: () => colour("text"),
      font,
      labelFont: font,
      labelSize: 20,
      labelGap: 2,
      gap: 4,
      grid: { stroke: () => colour("grid"), width: 1 },
      ticks: { stroke: () => colour("muted"), width: 1, size: 4 },
      border: { show: true, stroke: () => colour("muted"), width: 1 },
      ...more,
    });

    const draw = (panel) => {
      const readout = element("p", { class: "readout" }, "\u00a0");
      const stage = element("div", { class: "stage", tabindex: "0", role: "group" });
      stage.setAttribute("aria-label", `${chart.title}, ${panel.name}. Left and right arrows read values, plus and minus zoom, 0 shows all.`);
      stage.setAttribute("aria-roledescription", "graph");
      const heading = element("p", { class: "panel-name" }, panel.name);
      if (panel.reason) heading.append(element("span", { class: "reason" }, `: ${panel.reason}`));
      const block = element("div", { class: "panel" }, heading, stage, readout);
      grid.append(block);
      const { data, series, bands } = table(panel);
      const size = () => {
        const width = Math.max(stage.clientWidth, 200);
        return { width, height: width < NARROW_PX ? 230 : chart.tall ? 320 : 270 };
      };
      const valueAt = (u, i) => {
        const parts = [];
        u.series.forEach((one, k) => {
          if (k === 0 || one.kind !== "mean" || !one.show) return;
          const value = u.data[k][i];
          parts.push(`${one.label} ${value === null || value === undefined ? "\u2013" : minus(value.toFixed(chart.y.digits))}`);
        });
        const where = isLog ? frequency(x[i]) : `${minus(x[i].toFixed(2))} ${chart.x.unit}`;
        return `${where}: ${parts.join(", ")}${parts.length ? ` ${chart.y.unit}` : ""}`;
      };
      const u = new uPlot(
        {
          ...size(),
          legend: { show: false },
          padding: [8, 14, 0, 0],
          scales: {
            x: { time: false, distr: isLog ? 3 : 1, range: () => state.x },
            y: { range: () => state.y },
          },
          axes: [
            axis({
              label: chart.x.label,
              size: 30,
              space: 20,
              splits: (self, _, low, high) => (isLog ? decades(low, high, self.width) : even(low, high, self.width < NARROW_PX ? 6 : 10)),
              filter: (_, splits) => splits,
              values: (_, splits) => splits.map((v) => (isLog ? tickText(v) : minus(String(v)))),
            }),
            axis({
              label: chart.y.label,
              size: 46,
              splits: (_, __, low, high) => chart.y.step && high - low > 4 * chart.y.step ? even(low, high, (high - low) / chart.y.step) : even(low, high, 6),
              values: (_, splits) => {
                // A line every step, a number at every other one where there are many.
                const sparse = splits.length > 7 && chart.y.step;
                return splits.map((v) => (sparse && Math.round(v / chart.y.step) % 2 ? "" : minus(String(v))));
              },
            }),
          ],
          series,
          bands,
          cursor: {
            y: false,
            sync: { key: chart.id, setSeries: false },
            drag: { x: true, y: true, uni: 40, setScale: false },
            points: {
              size: 7,
              show: (self, i) => {
                if (self.series[i].kind !== "mean") return false;
                const dot = element("div", { class: "u-cursor-pt" });
                dot.style.cssText = "width:7px;height:7px;margin:-3.5px 0 0 -3.5px";
                return dot;
              },
              fill: (self, i) => colour(self.series[i].look.colour),
            },
            bind: { dblclick: () => () => zoom(full.x, full.y) },
          },
          hooks: {
            setCursor: [
              (self) => {
                readout.textContent = self.cursor.idx === null || self.cursor.idx === undefined ? "\u00a0" : valueAt(self, self.cursor.idx);
              },
            ],
            setSelect: [
              (self) => {
                const { left, top, width, height } = self.select;
                if (width < LEAST_DRAG_PX && height < LEAST_DRAG_PX) return;
                const wide = width >= LEAST_DRAG_PX;
                const high = height >= LEAST_DRAG_PX && height < 0.98 * self.over.clientHeight;
                self.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
                zoom(
                  wide ? [self.posToVal(left, "x"), self.posToVal(left + width, "x")] : state.x,
                  high ? [self.posToVal(top + height, "y"), self.posToVal(top, "y")] : state.y,
                );
              },
            ],
          },
        },
        data,
        stage,
      );
      const moveTo = (i) => {
        const k = Math.min(Math.max(i, 0), x.length - 1);
        u.setCursor({ left: u.valToPos(x[k], "x"), top: 10 });
        announce.textContent = `${panel.name}, ${valueAt(u, k)}`;
      };
      stage.addEventListener("keydown", (event) => {
        const inside = x.map((v, i) => i).filter((i) => x[i] >= state.x[0] && x[i] <= state.x[1]);
        const here = u.cursor.idx ?? inside[Math.floor(inside.length / 2)];
        const stride = event.shiftKey ? 16 : Math.max(Math.round(inside.length / 120), 1);
        const actions = {
          ArrowLeft: () => moveTo(here - stride),
          ArrowRight: () => moveTo(here + stride),
          Home: () => moveTo(inside[0]),
          End: () => moveTo(inside[inside.length - 1]),
          "+": () => zoom(around(x[here], 0.5), state.y),
          "=": () => zoom(around(x[here], 0.5), state.y),
          "-": () => zoom(around(x[here], 2), state.y),
          0: () => zoom(full.x, full.y),
          Escape: () => zoom(full.x, full.y),
        };
        if (!actions[event.key] || event.ctrlKey || event.metaKey || event.altKey) return;
        event.preventDefault();
        actions[event.key]();
      });
      new ResizeObserver(() => u.setSize(size())).observe(stage);
      return { u, panel };
    };

    const around = (centre, factor) => {
      const to = isLog ? Math.log : (v) => v;
      const back = isLog ? Math.exp : (v) => v;
      const [low, high] = state.x.map(to);
      const half = (factor * (high - low)) / 2;
      const middle = Math.min(Math.max(to(centre), low), high);
      return [back(Math.max(middle - half, to(full.x[0]))), back(Math.min(middle + half, to(full.x[1])))];
    };
    const zoom = (xRange, yRange) => {
      if (!(xRange[1] > xRange[0]) || !(yRange[1] > yRange[0])) return;
      state.x = xRange;
      state.y = yRange;
      for (const { u } of drawn) {
        u.batch(() => {
          u.setScale("x", { min: xRange[0], max: xRange[1] });
          u.setScale("y", { min: yRange[0], max: yRange[1] });
        });
      }
      for (const [button, range] of views) {
        button.setAttribute("aria-pressed", String(range[0] === xRange[0] && range[1] === xRange[1] && yRange === full.y));
      }
    };
    const refresh = () => {
      for (const { u, panel } of drawn) {
        const { data, series } = table(panel);
        series.forEach((one, i) => {
          if (i > 0) u.series[i].show = one.show;
        });
        u.setData(data, false);
        u.redraw(true, true);
      }
    };

    // Toggles, which are the legend as well.
    const bar = element("div", { class: "bar" });
    const group = element("fieldset", { class: "toggles" }, element("legend", { class: "unseen" }, `Curves of ${chart.title}`));
    const toggle = (label, on, change, swatch) => {
      const box = element("input", { type: "checkbox" });
      box.checked = on;
      box.addEventListener("change", () => change(box.checked));
      group.append(element("label", {}, box, ...(swatch ? [swatch] : []), element("span", {}, label)));
    };
    for (const key of chart.keys) {
      const NS = figure.querySelector("svg").namespaceURI;
      const svg = document.createElementNS(NS, "svg");
      for (const [name, value] of [["width", "30"], ["height", "12"], ["aria-hidden", "true"]]) svg.setAttribute(name, value);
      const stroke = document.createElementNS(NS, "path");
      stroke.setAttribute("d", "M1 6H29");
      stroke.setAttribute("class", "swatch");
      stroke.style.stroke = `var(--${key.colour})`;
      stroke.style.strokeWidth = String(Math.max(key.width, 1.4));
      stroke.style.strokeDasharray = (key.dash || []).join(" ");
      svg.append(stroke);
      toggle(key.label, key.on, (on) => {
        state.on[key.key] = on;
        refresh();
      }, svg);
    }
    if (ranges) {
      toggle(chart.range, true, (on) => {
        state.range = on;
        refresh();
      });
    }
    if (several) {
      toggle("Each position", false, (on) => {
        state.rows = on;
        refresh();
      });
    }
    bar.append(group);
    if (chart.smoothing) {
      const select = element("select");
      for (const width of SMOOTHINGS) {
        const option = element("option", { value: String(width) }, `1/${width} octave`);
        option.selected = width === state.width;
        select.append(option);
      }
      select.addEventListener("change", () => {
        state.width = Number(select.value);
        refresh();
      });
      bar.append(element("label", { class: "select" }, "Smoothing", select));
    }
    const views = [];
    const buttons = element("div", { class: "views", role: "group", "aria-label": `Range of ${chart.title}` });
    for (const view of chart.views) {
      const button = element("button", { type: "button", "aria-pressed": String(view === chart.views[0]) }, view.label);
      button.addEventListener("click", () => zoom(view.range === null ? full.x : view.range, full.y));
      views.push([button, view.range === null ? full.x : view.range]);
      buttons.append(button);
    }
    bar.append(buttons);
    place.append(bar, grid);
    figure.classList.add("drawn"); // the stage has a width from here on
    const drawn = panels.map(draw);
    live.push({ redraw: () => drawn.forEach(({ u }) => u.redraw(true, true)), id: chart.id, drawn, state });
  };

  for (const chart of charts) {
    try {
      build(chart);
    } catch (error) {
      document.getElementById(`chart-${chart.id}`).classList.remove("drawn"); // the picture stays
      console.error(error);
    }
  }
  setTheme(themes.includes(remembered()) ? remembered() : "auto");
  globalThis.roomcalCharts = live; // for those who want to look closer, and for tests
})();
