print("skald")
