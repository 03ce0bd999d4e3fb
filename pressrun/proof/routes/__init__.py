"""The HTTP routes, one file a subject. Each takes its parts from `request.app.state.press`."""
