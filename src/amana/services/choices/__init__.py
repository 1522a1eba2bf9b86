"""What people see of their own data and decide about its use."""
