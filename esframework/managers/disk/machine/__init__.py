"""The network disk without a disk: paths, shares, quotas, pages and tickets. Pure."""
