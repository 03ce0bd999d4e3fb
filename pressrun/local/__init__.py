"""Everything that brings Pressrun up on one machine: embedded AWS endpoints, Airflow's components, their supervisor."""
