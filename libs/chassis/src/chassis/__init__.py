"""How any service runs: settings, telemetry, lifecycle, gRPC, messaging, documents, blobs."""
