"""Configurations of proxies that ask the authorization service: printed, to be read and kept."""
