// A vertex of the person: bent by its bones.
#version 330

const int JOINTS = 256;

layout(std140) uniform Bones { mat4 bones[JOINTS]; };
uniform mat4 to_picture;

in vec3 position;
in vec3 normal;
in vec3 colour;
in vec2 uv;
in uvec4 joints;
in vec4 weights;

out vec3 place;
out vec3 facing;
out vec3 tint;
out vec2 at;

void main() {
  mat4 bone = weights.x * bones[joints.x] + weights.y * bones[joints.y] + weights.z * bones[joints.z] + weights.w * bones[joints.w];
  vec4 world = bone * vec4(position, 1.0);
  place = world.xyz;
  facing = mat3(bone) * normal;
  tint = colour;
  at = uv;
  gl_Position = to_picture * world;
}
