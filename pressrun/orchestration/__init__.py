"""The only Airflow imports of Pressrun: DAGs, operators, sensors, triggers and notifications around the steps."""
