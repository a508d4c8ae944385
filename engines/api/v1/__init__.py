"""HTTP and WebSocket API for other programs: REST, Server-Sent Events, WebSocket sessions, and the protocols that others have made."""
