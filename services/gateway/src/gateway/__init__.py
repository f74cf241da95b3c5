"""The public edge: REST, server-sent events and gRPC, authenticated."""
