"""The commands of `esframework`, one file each; they build and print, and decide nothing of the protocol."""
