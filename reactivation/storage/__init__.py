"""Run folders and files: whole or not there, checked before they are believed."""
