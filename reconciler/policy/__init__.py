"""Rules that people write in CEL about what a plan may do: files and a plan go in, the plan with
what the rules refuse comes out."""
