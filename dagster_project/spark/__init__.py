"""The models on Apache Spark: a cluster, a session, and tables that go there and come back."""
