"""The REST APIs of the site: one table of endpoints, a module for each kind of thing."""
