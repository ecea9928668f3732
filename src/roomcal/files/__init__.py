"""Files: WAV, text curves, studio.toml, and the store of sessions and banks."""
