"""What a program can do: typed, named actions over one workbench, the same for the client, the page's endpoints and MCP."""
