"""What training brings: gaps of trained policies, on slots that nothing was trained on."""
