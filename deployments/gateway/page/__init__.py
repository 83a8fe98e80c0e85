"""The live page at `/` of the endpoint: read-only, plain HTML, CSS and JavaScript without a build step."""
