"""The commands: `mec-gym train | evaluate | export | verify`, each a module with a `main`."""
