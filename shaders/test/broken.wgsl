// Test of error places: the type error stands on line 6, in a file that is reached by an import. Deliberately broken.

#import lib/index

fn broken() -> f32 {
    return 1u + linear_group(vec3<u32>(), vec3<u32>()) * 0.5;
}
