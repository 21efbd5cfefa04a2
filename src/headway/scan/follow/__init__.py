"""Following logs that grow, are rotated, cut, compressed, and come back."""
