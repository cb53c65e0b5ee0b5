"""What is served over HTTP: figures for Prometheus now; the console and its API come later."""
