"""Programs that show and measure skmultigran; run them with `python -m`."""
