"""Twilio: Media Streams, REST and webhooks. The only room that imports the `twilio` package."""
