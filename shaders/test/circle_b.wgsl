// Test of import circles: imports the file that imports it. Deliberately broken.
#import test/circle_a
