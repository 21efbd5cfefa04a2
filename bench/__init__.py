"""Speed, as ratios in one run against named peers and a named limit."""
