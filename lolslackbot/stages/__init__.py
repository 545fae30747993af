"""What cron runs, named as the commands: each joins two services by way of the store."""
