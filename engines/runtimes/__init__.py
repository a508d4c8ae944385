"""What engines of several stages share: an OpenAI client, the thread in which MLX computes."""
