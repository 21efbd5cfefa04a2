"""What other systems know of issues: builds, deployments, designs and more, told by apps."""
