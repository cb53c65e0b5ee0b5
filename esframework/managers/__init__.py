"""Features, one folder each: a half for servers, a half for clients, bodies and pure logic beside them. Each is a
plugin."""
