"""The only code that knows boto3: sessions and clients in, an `Api` and who we are out."""
