"""Text processing between the chat model and the voice: stage directions, sentence segmentation, text normalisation."""
