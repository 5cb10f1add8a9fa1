"""What only a thousand repetitions can show: seeded runs that go on where they were interrupted."""
