"""P2P: straight from one client to the other (manual, chapter 04, and the technique on the P2P server)."""
