"""The review gallery: a FastAPI app that takes its authentication as arguments, and so lives in Airflow or elsewhere."""
