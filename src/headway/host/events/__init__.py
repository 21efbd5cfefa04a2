"""What apps are told of: webhooks, and the outbox that holds each until it is delivered."""
