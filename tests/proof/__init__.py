"""What `scripts/prove` tries a thousand times: each module with `PARTS` breaks one promise's ground in its own way."""
