"""From a plan to impulse responses: takes, timing, deconvolution, signal-to-noise ratio."""
