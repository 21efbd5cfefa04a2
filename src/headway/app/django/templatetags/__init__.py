"""Tags for Django's templates: ``{% load headway %}``."""
