"""The only code that knows the AWS SDK: sessions and clients in, an `Api` and who we are out."""
