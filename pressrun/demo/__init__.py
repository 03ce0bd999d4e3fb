"""The demo: a seasonal campaign goes through a whole press on this machine, from manifest to published images."""
