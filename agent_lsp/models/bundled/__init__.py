"""The bundled model: a small model run by llama.cpp in a child process."""
