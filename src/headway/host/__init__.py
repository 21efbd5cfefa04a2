"""The host: a local Jira-like site that installs apps and shows every token."""
