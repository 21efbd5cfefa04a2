"""How findings are told; each form is a class with ``begin``, ``add`` and ``end``."""
