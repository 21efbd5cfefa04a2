"""The HTTP edge: server interfaces -> ``RequestFacts``; refusals and phases -> answers."""
