"""The review gallery: a FastAPI app that takes its authentication as arguments, to live in Airflow or elsewhere."""
