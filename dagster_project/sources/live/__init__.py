"""Sources that ask vendors over the internet, or answer from what was recorded of them."""
