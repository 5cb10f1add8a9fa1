"""The wire protocols: model requests and answers over HTTP."""
