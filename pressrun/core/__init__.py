"""The pure core: campaign logic without Airflow, AWS, HTTP or a clock."""
