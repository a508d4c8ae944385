"""What commands share: arguments, input and output, the talking loop, microphone and loudspeaker."""
