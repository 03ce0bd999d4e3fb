"""The steps of a run, one module a task: documents in, documents out. Called by DAG tasks and by the CLI alike."""
