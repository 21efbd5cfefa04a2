"""Many machines: what is looked through is shared out as orders, and what is found joined again."""
