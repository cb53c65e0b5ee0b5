"""Ports of this machine that the router before it is asked to forward, so that others can reach them from outside.

gateway   which router that is
mapper    asks it: by PCP and NAT-PMP, and by UPnP where that is wanted
upnp      UPnP, by a library that blocks, in a thread
"""
