"""Links between peers: the server, the dialler, the mesh of links, and files over HTTPS ranges."""
